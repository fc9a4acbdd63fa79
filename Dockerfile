FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/venv
# `--build-arg LOCK=requirements-clouds.lock`: with what Amazon Bedrock, Google Vertex AI and Microsoft Foundry need
ARG LOCK=requirements-run.lock
COPY requirements-run.lock requirements-clouds.lock ./
RUN /opt/venv/bin/pip install --require-hashes --requirement "$LOCK"
COPY pyproject.toml README.md ./
COPY schemas ./schemas
COPY consumer ./consumer
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation . \
    && /opt/venv/bin/pip uninstall --yes hatchling pip

FROM python:3.13-slim
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["escalation-consumer"]
CMD ["run"]
