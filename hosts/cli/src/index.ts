/** What users import: the words to define streams, windows and services. */
export * from "@millrace/sdk"
