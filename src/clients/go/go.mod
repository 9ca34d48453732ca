module github.com/nexusd/client-go

go 1.22
