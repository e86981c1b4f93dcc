"""The documented import path of Auth, Gen3Convertor, Exporter, Querier, Gen3Submitter."""
