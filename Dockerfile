# fanin as an image: `docker build -t fanin .`
# The one RUN is a target of the Makefile, which the tests run too, on the files that are copied here.
FROM python:3.13-bookworm AS build
WORKDIR /src
COPY Makefile pyproject.toml README.md LICENSE ./
COPY requirements/build.txt requirements/serve.txt requirements/
COPY proxy proxy
COPY rules rules
RUN make install PREFIX=/opt/fanin

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="fanin" \
      org.opencontainers.image.description="An async HTTP sidecar that finds N+1 fan-out in front of PostgREST and folds it in" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/fanin /opt/fanin
ENV PATH="/opt/fanin/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    FANIN_LISTEN=0.0.0.0:8000 \
    FANIN_ADMIN=0.0.0.0:9000
# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 8000 9000
# Where there is a port for metrics and health alone (FANIN_METRICS), it asks there: the admin port may be off then.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; e = os.environ.get; a = next(a for a in (e('FANIN_METRICS', ''), e('FANIN_ADMIN')) if ':' in a); u.urlopen('http://127.0.0.1:' + a.rpartition(':')[2] + '/livez', timeout=2)"]
ENTRYPOINT ["fanin"]
CMD ["serve"]
