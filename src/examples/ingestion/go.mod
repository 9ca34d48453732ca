module github.com/nexusd/nexusd/src/examples/ingestion

go 1.22

require github.com/nexusd/client-go v0.1.0

replace github.com/nexusd/client-go => ../../clients/go
