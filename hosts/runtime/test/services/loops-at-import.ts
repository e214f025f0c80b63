// Never finishes being imported.
for (;;) Math.random()
