"""The format of saved folders: values, files, weights and errors."""
