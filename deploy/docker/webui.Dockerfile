# The web UI, without torch. From the project's folder: docker build -f deploy/docker/webui.Dockerfile -t asr-webui .
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

COPY requirements/ requirements/
RUN pip install -r requirements/web.txt

COPY app.py announcing.py checks.py listener.py metrics.py settings.py wiring.py ./
COPY cli/ cli/
COPY cluster/ cluster/
COPY deploy/nginx/ deploy/nginx/
COPY domain/ domain/
COPY engine/ engine/
COPY samples/ samples/
COPY services/ services/
COPY speech/ speech/
COPY storage/ storage/
COPY webui/ webui/

RUN useradd --uid 10001 --create-home asr && mkdir /data /recordings /conf && chown asr /data /recordings /conf
USER asr
ENV ASR_DATA_DIR=/data ASR_PORT=7860 ASR_OWN_NODE=no
VOLUME ["/data"]
EXPOSE 7860
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
ENTRYPOINT ["python", "app.py"]
CMD ["serve"]
