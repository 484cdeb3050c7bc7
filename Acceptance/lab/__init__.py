"""A laboratory for mail servers: hosts in network namespaces, each with its own root directory, and real peers."""
