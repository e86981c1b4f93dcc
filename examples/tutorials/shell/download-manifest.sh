#!/usr/bin/env bash
# Make a manifest, and download what it lists.

MANIFEST="manifest.tsv"

cat /dev/null > ${MANIFEST}
echo -e "bundle_uuid\tbundle_version\tfile_name\tfile_uuid\tfile_version\tfile_sha256\tfile_size\tfile_path\n" >> ${MANIFEST}
echo -e "ffffaf55-f19c-40e3-aa81-a6c69d357265\t2019-08-01T200147.836832Z\tlinks.json\tdbf7bd27-b58e-431d-ba05-6a48f29e7cef\t2019-08-03T150636.118831Z\t46db217afa27b19a746a9f160178f58be0b95ac13c2741c678f27d4a3bf11aee\t77\t.hca/v2/files_2_4/46/db21/46db217afa27b19a746a9f160178f58be0b95ac13c2741c678f27d4a3bf11aee\n" >> ${MANIFEST}

echo "manifest.json file: ${MANIFEST}"

hca dss download-manifest --replica aws --manifest ${MANIFEST}
