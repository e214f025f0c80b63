/** The file sink: `import { day, files } from "millrace/files"`. */
export * from "@millrace/sdk/files"
