// The file beside this one is made by wasm-bindgen; these are the types that it promises.
export { default, EngineHandle, setPanicHandler } from './glue.js';
