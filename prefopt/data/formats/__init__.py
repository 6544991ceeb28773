"""Read and write problem files: JSON lines, JSON, CSV, Excel, Parquet, datasets, Argilla records."""
