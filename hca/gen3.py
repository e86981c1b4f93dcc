"""Where type checkers find `hca.gen3`; when a program runs, the finder in `hca` answers with `hca_gen3`."""

from hca_gen3 import IRODSAPI as IRODSAPI
from hca_gen3 import Auth as Auth
from hca_gen3 import Commons as Commons
from hca_gen3 import ConfigLoader as ConfigLoader
from hca_gen3 import Downloader as Downloader
from hca_gen3 import Exporter as Exporter
from hca_gen3 import Gen3Convertor as Gen3Convertor
from hca_gen3 import Gen3Submitter as Gen3Submitter
from hca_gen3 import Querier as Querier
