/** Version of this package; tells daemons apart who calls. */
export const version = '0.1.0';
