/** The product's version, as package.json says it; a test holds them together. */
export const version = '0.1.0';
