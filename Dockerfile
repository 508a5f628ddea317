# Two images from one file, both with the locked versions: `sandbox`, the local AWS, and `airflow` (the default), which
# serves every one of Airflow's processes. Both run as ordinary users and hold no secret.

FROM python:3.11-slim-bookworm AS sandbox
RUN useradd --system --create-home sandbox
WORKDIR /srv
COPY requirements-sandbox.txt constraints.txt ./
RUN pip install --no-cache-dir -r requirements-sandbox.txt && pip check
COPY sandbox/ sandbox/
USER sandbox
ENTRYPOINT ["python", "-m", "sandbox"]
CMD ["--host", "0.0.0.0", "--port", "5005"]

FROM apache/airflow:slim-3.3.2-python3.11 AS airflow
COPY requirements.txt requirements-image.txt constraints.txt /opt/airflow/
RUN pip install --no-cache-dir -r /opt/airflow/requirements-image.txt && pip check
COPY --chown=airflow:0 plugins/ /opt/airflow/plugins/
COPY --chown=airflow:0 dags/ /opt/airflow/dags/
COPY --chown=airflow:0 include/ /opt/airflow/include/
# Airflow adds its plugins folder to the path by itself; `python -m drs_recovery` needs to be told.
ENV PYTHONPATH=/opt/airflow/plugins
USER airflow
