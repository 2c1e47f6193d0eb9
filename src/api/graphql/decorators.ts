/** What of type-graphql is used here. It wants `reflect-metadata` to be there first, so everything takes it from this module. */
import 'reflect-metadata'

export {
  Arg,
  Args,
  ArgsType,
  buildSchemaSync,
  createUnionType,
  Ctx,
  Field,
  FieldResolver,
  Float,
  ID,
  Info,
  InputType,
  Int,
  InterfaceType,
  type NonEmptyArray,
  ObjectType,
  Query,
  registerEnumType,
  Resolver,
  Root,
} from 'type-graphql'
