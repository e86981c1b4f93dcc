"""Where type checkers find `hca.upload`; when a program runs, the finder in `hca` answers with `hca_upload`."""

from hca_upload import UploadArea as UploadArea
from hca_upload import UploadAreaURI as UploadAreaURI
from hca_upload import UploadConfig as UploadConfig
from hca_upload import UploadException as UploadException
from hca_upload import UploadService as UploadService
