// Ends its thread while it is imported.
process.exit(7)
