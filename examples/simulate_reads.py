"""Writes two gzipped FASTQ files of simulated paired reads into a folder: `python simulate_reads.py FOLDER`.

The same reads every time, so that the files keep their checksums; about 4.5 MB each.
"""

from __future__ import annotations

import gzip
import random
import shutil
import sys
from pathlib import Path

READS = 65_000
LENGTH = 100
BASES = bytes(b"ACGT"[value % 4] for value in range(256))
# Most bases are read well; qualities fall off in a few values, as modern instruments report them.
QUALITIES = bytes(b"FFFFFFFFFFFF:::,,#F:"[value % 20] for value in range(256))


def main(folder: Path) -> None:
    """Write both mates of every pair; the folder appears when it is complete."""
    if folder.exists():
        sys.exit(f"{folder} exists already.")
    # Outside the bundle's folder, of which an interrupted run must not leave more files to upload.
    unfinished = folder.absolute().parent.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for mate in (1, 2):
        write(unfinished / f"lung_R{mate}.fastq.gz", mate)
    unfinished.replace(folder)


def write(target: Path, mate: int) -> None:
    """Write one file of reads."""
    chance = random.Random(mate)
    with target.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=4, fileobj=raw, mtime=0) as file:
        for number in range(READS):
            bases = chance.randbytes(LENGTH).translate(BASES)
            qualities = chance.randbytes(LENGTH).translate(QUALITIES)
            file.write(b"@SIM:1:%d/%d\n%s\n+\n%s\n" % (number, mate, bases, qualities))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
