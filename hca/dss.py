"""Where editors and type checkers find `hca.dss`; when a program runs, the finder in `hca` answers with `hca_dss`."""

from hca_dss import DSSClient as DSSClient
from hca_dss import DSSFile as DSSFile
from hca_dss import TaskRunner as TaskRunner
