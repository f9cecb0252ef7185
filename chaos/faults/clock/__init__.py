"""The wall clock as the app's processes see it: a library that answers them, the page that says what, and a witness."""
