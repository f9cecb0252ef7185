"""What the door itself shows a browser, without script, style or anything of the request."""

_HEAD = '<!doctype html><html lang="en"><meta charset="utf-8"><title>ChaosLab: closed</title>'
CLOSED = f"""{_HEAD}
<h1>This Prefect server is closed</h1>
<p>It answers only to the user who started it. Run <code>chaoslab up</code> in a terminal and open the link that it
prints: it works once, and lets this browser in for 30 days.</p></html>
"""
USED = f"""{_HEAD}
<h1>This link does not open any more</h1>
<p>It works once, within ten minutes, on the machine and for the user that made it. <code>chaoslab up</code> prints a
new one.</p></html>
"""
AGAIN = f"""{_HEAD}
<meta http-equiv="refresh" content="0"><p>One moment.</p></html>
"""
"""For who followed a link from elsewhere: a browser sends its strict cookie only when our own page asks."""
