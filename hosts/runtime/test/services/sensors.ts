// The service "sensors", where a partition without input holds the others back for 30s.
import { sensors } from "./sensor-flows.ts"

export default sensors("30s")
