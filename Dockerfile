# The image of the engine: `docker run IMAGE` trains tic-tac-toe, arguments are those of muzero-launch. docs/docker.md says more.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS builder
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# The CPU build of torch is a tenth of the size: --build-arg PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
ARG PIP_EXTRA_INDEX_URL=
WORKDIR /build
RUN python -m venv /opt/muzero
ENV PATH=/opt/muzero/bin:${PATH}
# Dependencies before the sources, so that an edit of the code does not install torch again.
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" >requirements.txt \
 && pip install --quiet -c constraints.txt -r requirements.txt
COPY README.md LICENSE ./
COPY engine engine
COPY launch launch
COPY muzero muzero
RUN pip install --quiet --no-deps .

FROM ${BASE_IMAGE}
# Any uid may run the image (docker run --user, OpenShift): home and /runs are open to all, with the sticky bit as in /tmp.
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --gid 0 --no-create-home --home-dir /var/muzero --shell /usr/sbin/nologin muzero \
 && install -d -m 1777 /var/muzero /runs
COPY --from=builder /opt/muzero /opt/muzero
# LOGNAME: torch asks for the user's name, which a foreign uid does not have. TINI_SUBREAPER: tini also works where it is not process 1.
ENV PATH=/opt/muzero/bin:${PATH} HOME=/var/muzero LOGNAME=muzero TINI_SUBREAPER=1 PYTHONUNBUFFERED=1
USER 10001:0
WORKDIR /runs
VOLUME /runs
ENTRYPOINT ["tini", "--", "muzero-launch"]
CMD ["--env", "tictactoe"]
