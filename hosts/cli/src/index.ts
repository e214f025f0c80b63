/**
 * What a service is written with: `import { count, service, stream, tumbling } from "millrace"`. All that the SDK exports, values
 * and types: a list kept by hand forgot names that the guide has.
 */
export * from "@millrace/sdk"
