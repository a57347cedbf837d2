/* Something that was made or fetched here becomes a file of the user's. */
export function save_blob(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // a large one is still being written
}

export const save = (name: string, body: string, type: string): void => save_blob(name, new Blob([body], { type }));
