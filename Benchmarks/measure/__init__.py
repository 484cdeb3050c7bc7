"""What `Benchmarks/run` is made of: the servers, the loads, the workloads and the table."""
