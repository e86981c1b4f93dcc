"""Find all bundles: one result after the other, and the first page at once."""

from hca.dss import DSSClient

dss = DSSClient()

for results in dss.post_search.iterate(replica="aws", es_query={}):
    print(results)
    break

print(dss.post_search(replica="aws", es_query={}))
