# A node, for one GPU. From the project's folder: docker build -f deploy/docker/node.Dockerfile -t asr-node .
# The driver is the host's, by the NVIDIA Container Toolkit; CUDA's libraries come with torch.
FROM python:3.11-bookworm AS packages

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements/ requirements/
# The largest by far, and the one that changes least.
RUN pip install -c requirements/constraints.txt torch
RUN pip install -r requirements/node.txt

FROM python:3.11-slim-bookworm

ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
# FunASR's OpenMP.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv

COPY app.py announcing.py checks.py listener.py metrics.py settings.py wiring.py ./
COPY cli/ cli/
COPY cluster/ cluster/
COPY domain/ domain/
COPY engine/ engine/
COPY models/ models/
COPY samples/ samples/
COPY services/ services/
COPY speech/ speech/
COPY storage/ storage/
COPY webui/ webui/

RUN useradd --uid 10001 --create-home asr && mkdir /data /models && chown asr /data /models
USER asr
ENV ASR_DATA_DIR=/data MODELSCOPE_CACHE=/models/modelscope HF_HOME=/models/huggingface
VOLUME ["/data", "/models"]
EXPOSE 7861
# Healthy once the model is loaded.
HEALTHCHECK --interval=10s --timeout=5s --start-period=600s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7861/healthz', timeout=4)"]
ENTRYPOINT ["python", "app.py"]
CMD ["node"]
