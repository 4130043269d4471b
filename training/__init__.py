"""The demo models of ``models/``, made from synthetic speech: ``python -m training`` (``make demo-models``)."""
