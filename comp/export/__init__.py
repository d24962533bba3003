"""Copy the results in outputs/ to other tools: TensorBoard, MLflow and FiftyOne.

Edit this package to change what these tools get. No other command reads the copies. The Python package of a tool is
imported only if the tool is used. To add a tool, write a module with a function `export` and add the module to
`exported_runs.TOOLS`.
"""
