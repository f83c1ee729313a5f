// Starts the worker from its TypeScript source: threads do not inherit the loader. Not part of the build.
import { register } from 'tsx/esm/api';

register();
await import('./opaque-worker.ts');
