// Reports for `cargo xtask test`: details of failures, then `N passed, N failed`.

export default async function* tally(events) {
  let passed = 0;
  let failed = 0;
  for await (const { type, data } of events) {
    // A file is reported as a test of its own; it counts only where it died.
    const isFile = data.details?.type === "suite" || data.name?.endsWith(".mjs");
    if (type === "test:pass" && !isFile) {
      if (data.skip === undefined && data.todo === undefined) passed += 1;
      else failed += 1;
    } else if (type === "test:fail") {
      const { error } = data.details;
      if (isFile && error.failureType === "subtestsFailed") continue;
      failed += 1;
      // The suite whose set-up failed says why; its tests have nothing to add.
      if (error.failureType === "cancelledByParent") continue;
      yield `FAILED ${data.name}\n${error.cause?.stack ?? error}\n`;
    } else if (type === "test:stderr") {
      yield data.message;
    }
  }
  yield `\nnode: ${passed} passed, ${failed} failed\n`;
}
