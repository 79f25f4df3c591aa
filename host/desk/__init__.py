"""All services of one desk on one bus, between a NIC's records on one side and a person on the other."""
