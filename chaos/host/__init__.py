"""This machine: private files, files of settings, what git tracks, the lock of imports."""
