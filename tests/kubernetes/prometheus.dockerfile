# Stands in for the image of that name in these tests: Debian's Prometheus.
FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends prometheus && rm -rf /var/lib/apt/lists/*
USER nobody
EXPOSE 9090
ENTRYPOINT ["prometheus"]
