// express where it is installed, else the stand-in: the example runs with nothing installed.
import standIn from './stand-in.js';

const name: string = 'express';

async function choose(): Promise<typeof standIn> {
  try {
    return ((await import(name)) as { default: typeof standIn }).default;
  } catch {
    return standIn;
  }
}

export const express = await choose();
