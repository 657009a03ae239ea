export * from '../cli/demo/certificates.ts'
