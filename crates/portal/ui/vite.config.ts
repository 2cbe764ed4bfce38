import { defineConfig } from 'vite';

// One stylesheet for all pages: it is small, and pages then never flash unstyled when their chunk arrives.
export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    target: 'es2022',
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    // The strict content security policy allows no `data:` addresses, so nothing may be inlined as one.
    assetsInlineLimit: 0,
    rollupOptions: {
      output: {
        entryFileNames: 'assets/[name]-[hash].js',
        chunkFileNames: 'assets/[name]-[hash].js',
        assetFileNames: 'assets/[name]-[hash][extname]',
      },
    },
  },
  server: { proxy: { '/api': process.env['MIZZEN_URL'] ?? 'http://127.0.0.1:7600' } },
});
