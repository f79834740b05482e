module k8ts/bench/load

go 1.26
