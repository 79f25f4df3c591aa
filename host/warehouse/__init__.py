"""Every record of a session in Parquet, and the questions asked of it."""
