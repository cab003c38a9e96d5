export { post, default as defaultHttp } from 'k6/http';
export * as crypto from 'k6/crypto';
