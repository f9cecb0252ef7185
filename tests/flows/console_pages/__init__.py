"""The console's pages, in a real browser, against a console that is served with its worker."""
