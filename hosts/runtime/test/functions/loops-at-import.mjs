// oxlint-disable-next-line no-console
console.log("loading")
for (;;);
