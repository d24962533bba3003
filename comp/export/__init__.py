"""Copies of the results for other tools: TensorBoard, MLflow, FiftyOne. The files in outputs/ stay the truth.

Change here what those tools are given. Nothing is read back, and each tool's package is imported only where it is used.
To add a tool, write a module with `export` and put its name into `exported_runs.TOOLS`.
"""
