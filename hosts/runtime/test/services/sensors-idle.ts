// The service "sensors", where a partition without input holds the others back for 300ms.
import { sensors } from "./sensor-flows.ts"

export default sensors("300ms")
