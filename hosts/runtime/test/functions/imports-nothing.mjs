const missing = "no-such-package"
await import(missing)
