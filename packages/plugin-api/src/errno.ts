/** Errors that the modelled kernel or a driver reports to its caller. A value, never an exception. @public */
export type Errno =
  | 'EPERM'
  | 'ENOENT'
  | 'ESRCH'
  | 'EINTR'
  | 'EIO'
  | 'ENXIO'
  | 'E2BIG'
  | 'EBADF'
  | 'EAGAIN'
  | 'ENOMEM'
  | 'EACCES'
  | 'EFAULT'
  | 'EBUSY'
  | 'EEXIST'
  | 'ENODEV'
  | 'EINVAL'
  | 'EFBIG'
  | 'ENOSPC'
  | 'EOVERFLOW'
  | 'EPROTO'
  | 'EBADRQC'
  | 'ETIME'
  | 'EMSGSIZE'
  | 'EPROTONOSUPPORT'
  | 'EADDRINUSE'
  | 'EADDRNOTAVAIL'
  | 'ECONNRESET'
  | 'ENOTCONN'
  | 'ETIMEDOUT'
  | 'ECONNREFUSED'
  | 'EHOSTUNREACH'
  | 'EOPNOTSUPP'
  | 'ENOSYS'
  | 'ERESTART'
  | 'EKEYREJECTED'
  | 'EHWPOISON';

/** Tells an errno from a result that is an object, a number or nothing. @public */
export function isErrno(value: unknown): value is Errno {
  return typeof value === 'string' && /^E[A-Z0-9]+$/.test(value);
}
