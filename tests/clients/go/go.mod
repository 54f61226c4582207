module keyhaven.invalid/clients

go 1.19
