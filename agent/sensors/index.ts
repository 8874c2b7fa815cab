import { openLinuxSensor } from "./linux/client.ts";
import { RecordReader } from "./linux/record-reader.ts";
import { openReplay } from "./replay/replay.ts";
import type { Sensor, SensorListener } from "./sensor.ts";

/** What can watch a device: the sensor behind a socket, or what one said before. */
export const sensors = {
  linux: openLinuxSensor,
  replay: (file: string, listener: SensorListener): Sensor =>
    openReplay(file, listener, () => {
      const reader = new RecordReader();
      return { read: (chunk) => reader.read(chunk), isHalf: () => reader.isHalf };
    }),
} as const satisfies Record<string, (at: string, listener: SensorListener) => Sensor>;
