/** The protocol's definition: its file, in the folder that is beside this file, and in an image beside the program. */
export const definition = { directory: import.meta.dirname, file: 'footfall/v1/counting.proto' } as const;
