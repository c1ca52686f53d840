"""Where Spark runs, when it is the engine that reads the records."""

from pydantic import Field

from twoarm.protocol.section import Section

MASTER = r"^(local(\[([1-9][0-9]{0,3}|\*)\])?|yarn|(spark|k8s|mesos)://[\x21-\x7e]{1,500})$"


class Spark(Section):
    """Spark on this machine, or on a cluster."""

    master: str = Field(pattern=MASTER, description="local[2] for two cores of this machine, or a cluster's URL.")
