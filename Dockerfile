FROM python:3.13-slim@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285 AS base

FROM base AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/venv
# `--build-arg LOCK=requirements-clouds.lock`: with what Amazon Bedrock, Google Vertex AI and Microsoft Foundry need
ARG LOCK=requirements-run.lock
COPY requirements-run.lock requirements-clouds.lock ./
RUN /opt/venv/bin/pip install --require-hashes --requirement "$LOCK"
COPY pyproject.toml README.md LICENSE ./
COPY schemas ./schemas
COPY consumer ./consumer
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation . \
    && /opt/venv/bin/pip uninstall --yes hatchling pathspec pluggy tomlkit trove-classifiers pip

FROM base
# The base image brings pip of its own; nothing is installed here any more.
RUN ["python", "-m", "pip", "uninstall", "--yes", "--quiet", "--root-user-action=ignore", "pip"]
LABEL org.opencontainers.image.title="escalation-consumer" \
      org.opencontainers.image.description="Turns escalated troubleshooting sessions into handoff packages" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Inside a container; who reaches it is said where the port is published.
ENV ESCALATION_HTTP_HOST=0.0.0.0
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
# Whether the loops turn: a container is not to be killed because Kafka is away.
HEALTHCHECK --interval=10s --timeout=5s --retries=6 --start-period=60s CMD ["python", "-c", \
    "import os, urllib.request as r; r.urlopen('http://127.0.0.1:%s/livez' % (os.environ.get('ESCALATION_HTTP_PORT') or 8080), timeout=4)"]
ENTRYPOINT ["escalation-consumer"]
CMD ["run"]
