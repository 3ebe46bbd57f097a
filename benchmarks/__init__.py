"""What the connector costs, measured against what people use. `make bench`; nothing of it is deployed."""
